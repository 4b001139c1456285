"""The battery: real films spoiled on purpose, which an anomaly detector is measured against."""

from shared.battery.folder import Battery, BatteryFilm, Kind, LeftOut
from shared.battery.spoilers import SPOILERS, spoil
from shared.battery.writer import BatteryWriter

__all__ = ["SPOILERS", "Battery", "BatteryFilm", "BatteryWriter", "Kind", "LeftOut", "spoil"]
