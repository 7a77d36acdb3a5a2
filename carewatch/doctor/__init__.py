"""`carewatch doctor`: tries every connection, changes nothing, and says the remedy. Start at `examine`."""

from carewatch.doctor.examine import examine
from carewatch.doctor.finding import Finding, Verdict
from carewatch.doctor.report import as_json, exit_code, render

__all__ = ["Finding", "Verdict", "as_json", "examine", "exit_code", "render"]
