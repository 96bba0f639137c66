"""What a history comes to, and its picture as one self-contained HTML page (R16). Pure: values in, text out."""

from envid.core.report.causes import CauseKey, causes_of
from envid.core.report.html import render_report
from envid.core.report.model import BuildRecord, CauseFigure, Figures, Report, ReportRow, Tally, YearFigure

__all__ = [
    "BuildRecord",
    "CauseFigure",
    "CauseKey",
    "Figures",
    "Report",
    "ReportRow",
    "Tally",
    "YearFigure",
    "causes_of",
    "render_report",
]
