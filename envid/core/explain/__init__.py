"""Say what changed between two sets of inputs, in the terms of each input (R16). Pure: values in, values out."""

from envid.core.explain.inputs import explain_inputs
from envid.core.explain.lines import diff_lines
from envid.core.explain.locks import diff_locks, diff_read_locks
from envid.core.explain.model import (
    Change,
    DiffLine,
    Explanation,
    Hunk,
    InputChange,
    InputView,
    LineDiff,
    LockDiff,
    PackageChange,
    PackageChangeKind,
    PackageState,
    Reach,
    SystemPackageChange,
    ValueChange,
    to_json,
)
from envid.core.explain.references import diff_image_references, diff_values
from envid.core.explain.schema import explain_schema
from envid.core.explain.system import diff_system_packages
from envid.core.explain.values import JsonDiff, diff_json, diff_json_values

__all__ = [
    "Change",
    "DiffLine",
    "Explanation",
    "Hunk",
    "InputChange",
    "InputView",
    "JsonDiff",
    "LineDiff",
    "LockDiff",
    "PackageChange",
    "PackageChangeKind",
    "PackageState",
    "Reach",
    "SystemPackageChange",
    "ValueChange",
    "diff_image_references",
    "diff_json",
    "diff_json_values",
    "diff_lines",
    "diff_locks",
    "diff_read_locks",
    "diff_system_packages",
    "diff_values",
    "explain_inputs",
    "explain_schema",
    "to_json",
]
