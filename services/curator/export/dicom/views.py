"""Views of mammography as DICOM codes them, and how a patient lies in them."""

from shared.dataset import Laterality

# PS3.16, CID 4014: SNOMED CT codes, by the ACR's abbreviations that View Position (0018,5101) uses.
VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
    "ML": ("399260004", "medio-lateral"),
    "LM": ("399352003", "latero-medial"),
    "LMO": ("399099002", "latero-medial oblique"),
    "FB": ("399196006", "caudo-cranial (from below)"),
    "SIO": ("399188001", "superolateral to inferomedial oblique"),
    "ISO": ("441555000", "inferomedial to superolateral oblique"),
    "XCCL": ("399192008", "cranio-caudal exaggerated laterally"),
    "XCCM": ("399101009", "cranio-caudal exaggerated medially"),
}

SIDES = {Laterality.LEFT: "L", Laterality.RIGHT: "R"}
"""Image Laterality (0020,0062)."""

# Towards which part of the patient the columns run, films hung as usual: lateral, or cranial, side up.
_DOWN_BY_SIDE = {"L": "R", "R": "L"}
_HORIZONTAL = ("CC", "XCCL", "XCCM", "FB")
_OBLIQUE = ("MLO", "LMO")
_LATERAL = ("ML", "LM")


def patient_orientation(side: str, view: str, *, points_left: bool) -> list[str] | None:
    """Patient Orientation (0020,0020) of a breast, whichever way it points: where rows lead, where columns lead.

    Args:
        side: "L" or "R".
        view: such as "CC".
        points_left: whether the nipple is at the left of the chest wall.

    Returns:
        Two values such as ["A", "R"]; None for views whose hanging is not the same everywhere.

    """
    rows = "P" if points_left else "A"
    if side not in _DOWN_BY_SIDE:
        return None
    if view in _HORIZONTAL:
        return [rows, _DOWN_BY_SIDE[side]]
    if view in _OBLIQUE:
        return [rows, f"F{_DOWN_BY_SIDE[side]}"]
    return [rows, "F"] if view in _LATERAL else None
