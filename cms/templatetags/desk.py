"""What every page of the desk shows."""

from django import template

from cms import parts

register = template.Library()


@register.simple_tag
def away_parts() -> list[parts.Part]:
    """Parts of the site that do not answer; costs one look into the cache."""
    return [part for part in parts.look() if not part.up]
