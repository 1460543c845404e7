"""Code words as staff, partners and auditors read them."""

from __future__ import annotations

from dispatcher.lifecycle import Status, WaveStatus

STATUS_WORDS = {
    Status.QUEUED: "chờ gửi",
    Status.SENDING: "đang gửi",
    Status.RETRYING: "sẽ gửi lại",
    Status.SUBMITTED: "nhà mạng đã nhận",
    Status.DELIVERED: "đã tới máy",
    Status.UNDELIVERED: "không tới máy",
    Status.REJECTED: "nhà mạng từ chối",
    Status.FAILED: "gửi không thành công",
    Status.UNCERTAIN: "chưa rõ kết quả",
    Status.UNCONFIRMED: "không xác nhận được",
    Status.SUPPRESSED: "bỏ qua (từ chối nhận hoặc đã đủ số tin)",
    Status.CANCELLED: "đã hủy",
    Status.EXPIRED: "quá hạn gửi",
}
WAVE_WORDS = {
    WaveStatus.SCHEDULED: "đã lên lịch",
    WaveStatus.EXPANDING: "đang lập danh sách",
    WaveStatus.SENDING: "đang gửi",
    WaveStatus.DONE: "xong",
    WaveStatus.MISSED: "lỡ lịch",
    WaveStatus.CANCELLED: "đã hủy",
}
NETWORK_WORDS = {
    "viettel": "Viettel",
    "mobifone": "MobiFone",
    "vinaphone": "VinaPhone",
    "vietnamobile": "Vietnamobile",
    "gmobile": "Gmobile",
    "itel": "iTel",
    "wintel": "Wintel",
    "unknown": "chưa rõ nhà mạng",
}
