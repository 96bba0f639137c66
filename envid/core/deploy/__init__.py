"""``deploy/deploy.json``: the only hand-written truth of delivery, as a strict model (R8)."""

from envid.core.deploy.intent import (
    Amounts,
    Egress,
    KeyRef,
    Network,
    Postgres,
    Provider,
    Resources,
    Volume,
)
from envid.core.deploy.lanecheck import lane_faults
from envid.core.deploy.read import DEPLOY_PATH, parse_deploy
from envid.core.deploy.service import (
    CATALOG_CONFIG_MAP,
    RESERVED_ENV,
    Borrower,
    Deploy,
    ImageRef,
    Service,
    Workload,
    is_fetchable,
)

__all__ = [
    "CATALOG_CONFIG_MAP",
    "DEPLOY_PATH",
    "RESERVED_ENV",
    "Amounts",
    "Borrower",
    "Deploy",
    "Egress",
    "ImageRef",
    "KeyRef",
    "Network",
    "Postgres",
    "Provider",
    "Resources",
    "Service",
    "Volume",
    "Workload",
    "is_fetchable",
    "lane_faults",
    "parse_deploy",
]
