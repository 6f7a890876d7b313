"""Finding somebody by what people say who they are."""

from django.core.management.base import CommandError
from django.db.models import Q

from accounts.models import User
from accounts.phones import e164


def by_name(told: str) -> User:
    """The one person whose user name, e-mail address or phone number this is. Raises CommandError, with the remedy,
    where there is none or several."""
    names = Q(username=told) | Q(email__iexact=told) | Q(emailaddress__email__iexact=told) | Q(phone=e164(told))
    found = list(User.objects.filter(names).distinct()[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"有几个账号用“{told}”：请写用户名。")
    raise CommandError(f"没有“{told}”这个用户名、邮箱或手机号：请检查写法，手机号可写 11 位。")
