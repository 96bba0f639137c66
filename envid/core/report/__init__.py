"""What a history comes to, and its picture as one self-contained HTML page (R16). Pure: values in, text out."""

from envid.core.report.causes import CauseKey, Group, causes_of, group_of
from envid.core.report.html import render_report
from envid.core.report.model import BuildRecord, CauseFigure, Figures, GroupFigure, Report, ReportRow, Tally, YearFigure

__all__ = [
    "BuildRecord",
    "CauseFigure",
    "CauseKey",
    "Figures",
    "Group",
    "GroupFigure",
    "Report",
    "ReportRow",
    "Tally",
    "YearFigure",
    "causes_of",
    "group_of",
    "render_report",
]
