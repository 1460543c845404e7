"""Code words as staff, partners and auditors read them."""

from __future__ import annotations

from campaigns.campaign import Channel
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
CHANNEL_WORDS = {
    Channel.SMS: "SMS",
    Channel.ZALO: "Zalo",
    Channel.ZALO_THEN_SMS: "Zalo trước, SMS cho người Zalo từ chối hoặc không tới sau {minutes} phút",
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
    "zalo": "người quan tâm OA",
}

# What our own code and the adapters say of a route that stopped; a carrier's own words stay as they came.
STOP_REASONS = {
    "not in routes.toml": "không có trong routes.toml",
    "no connection, nothing was sent": "không kết nối được, chưa gửi gì",
    "the request may have been taken": "không rõ nhà mạng đã nhận hay chưa",
    "a person must act: keys, money or brandname": "cần người xử lý: khóa, tiền hoặc tên hiển thị",
    "wrong API key or secret key": "sai mã API hoặc mã bí mật",
    "wrong client id or secret": "sai mã khách hàng hoặc mã bí mật",
    "wrong user, password or IP address": "sai tài khoản, mật khẩu hoặc địa chỉ IP",
    "wrong user or password": "sai tài khoản hoặc mật khẩu",
    "wrong user name": "sai tên tài khoản",
    "user, password or CP code is missing": "thiếu tài khoản, mật khẩu hoặc mã CP",
    "wrong CP code": "sai mã CP",
    "wrong type of contract": "sai loại hợp đồng",
    "wrong contract": "sai hợp đồng",
    "wrong label": "sai nhãn tin",
    "wrong agent": "sai đại lý",
    "the access token is refused, a fresh one too": "mã truy cập bị từ chối, cả mã mới",
    "somebody must sign in at Zalo again": "cần quản trị viên OA đăng nhập, cấp quyền lại (dispatcher route authorise)",
    "nobody has signed in at the provider for this account yet": "chưa ai cấp quyền (dispatcher route authorise)",
    "the app is unknown, inactive or not linked": "ứng dụng Zalo không có, ngừng hoạt động hoặc chưa liên kết với OA",
    "the account may not do this": "tài khoản không được dùng chức năng này",
    "the account is wrongly set up": "tài khoản khai báo sai",
    "the account is blocked for a violation": "tài khoản bị khóa do vi phạm",
    "the account's quota of the month is used up": "đã hết hạn mức tháng của tài khoản",
    "not enough money in the account": "tài khoản hết tiền",
    "the contract's package is used up": "gói tin của hợp đồng đã hết",
    "the customer's package is used up": "gói tin của khách hàng đã hết",
    "the agent's package is used up": "gói tin của đại lý đã hết",
    "the account has no price list": "tài khoản chưa có bảng giá",
    "the account is inactive or locked": "tài khoản ngừng hoạt động hoặc bị khóa",
    "the account is blocked": "tài khoản bị khóa",
    "the account may not use this call": "tài khoản không được dùng lệnh này",
    "the account may not use this mode of sending": "tài khoản không được dùng cách gửi này",
    "the customer is not active": "khách hàng ngừng hoạt động",
    "our IP address is not on the account's list": "địa chỉ IP của máy này chưa được tài khoản cho phép",
    "our IP address is locked": "địa chỉ IP của máy này bị khóa",
    "the brandname is unknown or inactive": "tên hiển thị chưa đăng ký hoặc đã ngừng",
    "the brandname is wrong or not declared": "tên hiển thị sai hoặc chưa khai báo",
    "Zalo template or OA not set up": "chưa khai báo mẫu tin hoặc OA Zalo",
    "the OA is not known": "không có OA này",
}
SILENCE = (
    r"(\d+) calls in a row without an answer; the last: ",
    r"\1 lần gọi liên tiếp không được trả lời; lần cuối: ",
)
