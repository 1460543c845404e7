"""Groups by what people do; never by health, addiction or crime."""

import pytest

from campaigns.groups import SensitiveGroupError, groups_of, refuse_sensitive
from campaigns.text import plain

REFUSED = [
    "Người nghiện", "Tình trạng nghiện", "Người sau cai nghiện", "Methadone", "Ma túy", "HIV", "Nhiễm HIV/AIDS", "Có HIV",
    "Tiền án", "Tiền án, tiền sự", "Phạm nhân", "Đối tượng hình sự", "Vi phạm pháp luật", "Bệnh nhân", "Bệnh", "Chẩn đoán",
    "Bệnh án", "Tâm thần", "Viêm gan B", "Tình trạng sức khỏe", "Mại dâm", "Nạn nhân mua bán người", "Người bán dâm",
    "Đối tượng nghiện ma túy thuộc diện phòng, chống", "ĐANG ĐIỀU TRỊ ARV",
]  # fmt: skip
HARMLESS = [
    "Nghiên cứu viên", "Bệnh viện tỉnh", "Cán bộ y tế", "Ban chỉ đạo phòng, chống ma túy", "Cán bộ phòng, chống HIV/AIDS",
    "Công an phòng, chống tội phạm", "Đối tượng", "Nhóm", "Số điện thoại", "Xã/phường", "Thanh niên", "Học sinh", "Công nhân",
    "Trưởng thôn", "Người có uy tín", "Phụ nữ", "Hội viên Hội Nông dân", "Năm sinh", "Họ và tên", "Ghi chú", "Trung tâm y tế",
]  # fmt: skip


@pytest.mark.parametrize("name", [form for name in REFUSED for form in sorted({name, plain(name), name.upper()})])
def test_a_group_by_health_addiction_or_crime_is_refused_with_the_law(name):
    with pytest.raises(SensitiveGroupError, match="91/2025/QH15") as refused:
        refuse_sensitive(name, "Nhóm")
    assert name in str(refused.value)


@pytest.mark.parametrize("name", [form for name in HARMLESS for form in sorted({name, plain(name), name.upper()})])
def test_a_place_of_work_or_a_trade_is_not(name):
    refuse_sensitive(name, "Nhóm")


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("thanh niên", {"youth"}),
        ("Đoàn viên, thanh niên", {"youth"}),
        ("Học sinh - sinh viên", {"students"}),
        ("Cong nhan KCN", {"workers"}),
        ("Cán bộ, công chức", {"officials"}),
        ("Trưởng thôn", {"relays"}),
        ("già làng", {"relays"}),
        ("youth", {"youth"}),
        ("Tổ xe ôm", {"to xe om"}),
    ],
)
def test_what_offices_write_is_known_as_a_group(written, groups):
    assert groups_of(written) == groups
