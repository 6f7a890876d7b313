"""What the catalogue writes into Wagtail's log."""

from typing import Any

from wagtail import hooks
from wagtail.log_actions import LogFormatter

from catalog import bulk_job, merging


@hooks.register("register_log_actions")
def register_log_actions(actions: Any) -> None:
    @actions.register_action(bulk_job.ACTION)
    class BulkChangeFormatter(LogFormatter):
        label = "批量修改"

        def format_message(self, log_entry: Any) -> str:
            return f"批量修改（第 {log_entry.data['change']} 次）"

    @actions.register_action(merging.ACTION)
    class MergeFormatter(LogFormatter):
        label = "合并"

        def format_message(self, log_entry: Any) -> str:
            return f"并入《{log_entry.data['title']}》"
