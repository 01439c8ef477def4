"""The schema of synchronised collections as apps declare it: a module each client, from `service.sync.collections`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from service.sync.schemas.neutral import render_json
from service.sync.schemas.powersync import render_powersync
from service.sync.schemas.rxdb import render_rxdb
from service.sync.schemas.watermelon import render_watermelon

RENDER: Final[Mapping[str, Callable[[int], str]]] = MappingProxyType(
    {"watermelon": render_watermelon, "rxdb": render_rxdb, "powersync": render_powersync, "json": render_json}
)
