"""Frames of bracket text that are no readings: voice, pictures, and what a watch says back to a command.

They are counted by their type and not kept: a voice message is large, and it is somebody's voice. Facts: makers'
papers of the protocol, and traccar's `watch` protocol. `SOS...` and `FALLDOWN` are commands, too, but nobody counts
away what is called so: they go to the quarantine, where a person sees them.
"""

from __future__ import annotations

_VOICE_AND_PICTURES = frozenset({"TK", "TK2", "JXTK", "IMG", "RCAPTURE", "TPBK"})
_SAID_BACK = frozenset(
    {
        "TS",
        "VERNO",
        "ICCID",
        "CONFIG",
        "WG",
        "WAD",
        "RYIMEI",
        "UPLOAD",
        "CR",
        "LZ",
        "FLOWER",
        "FIND",
        "REMIND",
        "MESSAGE",
    }
    | {"SILENCETIME", "SILENCETIME2", "PHB", "PHB2", "PHBX", "DPHBX", "PHL", "POWEROFF", "RESET", "FACTORY", "LOWBAT"}
    | {"REMOVE", "REMOVESMS", "PEDO", "WALKTIME", "SLEEPTIME", "HRTSTART", "BLDSTART", "OXSTART", "MONITOR", "CENTER"}
    | {
        "SLAVE",
        "PW",
        "CALL",
        "IP",
        "APN",
        "PROFILE",
        "PP",
        "PPR",
        "GPSTEST",
        "WORKTIME",
        "TIMER",
        "BTEMP2START",
        "DEVREFUSEPHONESWITCH",
    }
)
NOT_READINGS = _VOICE_AND_PICTURES | _SAID_BACK


def answer_to(kind: str, fields: tuple[str, ...]) -> str | None:
    """What such a watch waits for; None: nothing. Voice is acknowledged, or it would be sent again and again.

    `kind` in capitals. A voice frame of one character is the watch's own acknowledgement.
    """
    if kind in ("TK", "TK2"):
        return f"{kind},1" if len(fields) > 1 or len("".join(fields)) > 1 else None
    return {"JXTK": "JXTKR,1", "CONFIG": "CONFIG,1"}.get(kind)
