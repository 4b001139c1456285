"""Times as people read them."""


def duration(seconds: float) -> str:
    """Write seconds, 0 or more, in the units that fit: 1.5 s, 42 s, 3 min 05 s, 1,234 h 10 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60:02d} min"
