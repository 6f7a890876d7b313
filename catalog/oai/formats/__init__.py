"""Metadata formats, one file each: ``PREFIX``, ``NAMESPACE``, ``SCHEMA`` and ``write(course) -> element``."""

from types import ModuleType

from catalog.oai.formats import lom, oai_dc

FORMATS: dict[str, ModuleType] = {module.PREFIX: module for module in (oai_dc, lom)}
