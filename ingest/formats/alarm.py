"""What an alarm of a text format means, and which readings it becomes."""

from __future__ import annotations

from enum import StrEnum

from ingest.reading import Event, Kind


class Alarm(StrEnum):
    """What a bit of a status word, or a code of an alarm frame, means. Life safety first."""

    SOS = "sos"
    FALL = "fall"
    REMOVED = "removed"
    BATTERY_LOW = "battery_low"
    POWER_OFF = "power_off"
    FENCE_OUT = "fence_out"
    FENCE_IN = "fence_in"
    HEART_RATE_ABNORMAL = "heart_rate_abnormal"
    BLOOD_PRESSURE_ABNORMAL = "blood_pressure_abnormal"
    TEMPERATURE_ABNORMAL = "temperature_abnormal"
    OXYGEN_LOW = "oxygen_low"
    SEDENTARY = "sedentary"
    TAMPER = "tamper"
    NONE = "none"


class UnnamedAlarm(StrEnum):
    """What to make of an alarm frame that names no alarm that the profile knows."""

    IGNORE = "ignore"
    SOS = "sos"


EMERGENCIES = {Alarm.SOS: Kind.SOS, Alarm.FALL: Kind.FALL}
EVENTS = {
    Alarm.REMOVED: Event.REMOVED,
    Alarm.BATTERY_LOW: Event.BATTERY_LOW,
    Alarm.POWER_OFF: Event.POWER_OFF,
}
"""What is in neither is counted: our own rules judge heart rate and place."""
BITS = {
    0: Alarm.BATTERY_LOW,
    14: Alarm.POWER_OFF,
    16: Alarm.SOS,
    17: Alarm.BATTERY_LOW,
    18: Alarm.FENCE_OUT,
    19: Alarm.FENCE_IN,
    20: Alarm.REMOVED,
    21: Alarm.FALL,
    22: Alarm.HEART_RATE_ABNORMAL,
}
"""Of the status word of bracket text (WIRE.md section 3), where a profile says nothing else."""
CODES = {
    "00": Alarm.NONE,
    "01": Alarm.SOS,
    "02": Alarm.BATTERY_LOW,
    "03": Alarm.REMOVED,
    "05": Alarm.FALL,
    "06": Alarm.FALL,
    "07": Alarm.HEART_RATE_ABNORMAL,
    "08": Alarm.HEART_RATE_ABNORMAL,
    "09": Alarm.HEART_RATE_ABNORMAL,
    "10": Alarm.BLOOD_PRESSURE_ABNORMAL,
    "14": Alarm.SEDENTARY,
    "19": Alarm.POWER_OFF,
    "20": Alarm.FENCE_OUT,
    "21": Alarm.FENCE_IN,
}
"""Of AP10 of IW and TRV watches, where a profile says nothing else."""
