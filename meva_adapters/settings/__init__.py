"""Load configuration: files, variables and options become one typed, checked `AppConfig`."""

from meva_adapters.settings.canonical import config_digest, config_from_json, config_text
from meva_adapters.settings.loading import LoadedSettings, load_settings
from meva_adapters.settings.packaged import packaged_config_dir
from meva_adapters.settings.structuring import build_strategy

__all__ = [
    "LoadedSettings",
    "build_strategy",
    "config_digest",
    "config_from_json",
    "config_text",
    "load_settings",
    "packaged_config_dir",
]
