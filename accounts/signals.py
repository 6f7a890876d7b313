"""News about people."""

from django.dispatch import Signal

person_asks_to_leave = Signal()
"""A person wants the account to be closed. Sent with ``person: User``; receivers answer with a list of sentences that
say why it cannot be yet, each with its remedy."""

person_goes = Signal()
"""An account is about to be deleted: sent with ``instance: User`` before Django gathers what goes along."""

person_leaves = Signal()
"""An account is being deleted. Sent inside the transaction, before its rows go, with ``person: User``, ``heir: User``
(``accounts.leaving.heir``). Receivers take the person out of what is no row of ``accounts.personal``: files, labels,
texts."""
