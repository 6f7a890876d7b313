"""P5: an editor lets a program in: a token seen once, courses handed in with it, news by webhook, and the end."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.journeys.desk import at_the_desk
from tests.running import Site

NEW = {"external_id": "p5-1", "title": "傩戏面具", "kind": "reading", "description": "樟木做的面具。"}
SCOPES = ["查看本机构的课程", "建立和修改课程", "送审和撤回"]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((body["type"], self.headers["webhook-signature"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def make_token(page: Page, site: Site) -> str:
    page.goto(f"{site.url}/cms/tokens/new/")
    page.get_by_role("textbox", name="名称").fill("馆藏系统")
    for scope in SCOPES:
        page.get_by_role("checkbox", name=scope).check()
    page.get_by_role("button", name=re.compile("创建|保存")).click()
    said = page.locator(".messages").inner_text()
    return re.search(r"wl_[\w-]{43}", said).group()


def delete(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=re.compile("是的|删除")).click()
    expect(page.locator(".messages .success")).to_be_visible()


def test_program_is_let_in_hands_in_is_told_and_is_shut_out(browser, site, receiver):
    with at_the_desk(browser, site, "partner") as page:
        secret = make_token(page, site)
        page.goto(f"{site.url}/cms/tokens/")
        expect(page.get_by_role("link", name="馆藏系统")).to_be_visible()
        assert secret not in page.content()

        program = requests.Session()
        program.headers["Authorization"] = f"Bearer {secret}"
        calls = f"{site.url}/api/v1/deposits"
        made = program.post(calls, json=NEW)
        assert (made.status_code, made.json()["state"]) == (201, "draft")
        course = made.json()["id"]
        assert program.post(f"{calls}/{course}/submit").json()["state"] == "in-review"
        assert program.get(f"{calls}/{course}").json()["title"] == NEW["title"]
        assert program.post(f"{calls}/{course}/withdraw").json()["state"] == "draft"
        assert program.post(f"{site.url}/api/v1/uploads", json={"filename": "a.mp4", "bytes": 9}).status_code == 403

        page.goto(f"{site.url}/cms/webhooks/new/")
        page.get_by_role("textbox", name="地址").fill(f"http://127.0.0.1:{receiver.server_port}/")
        page.get_by_role("checkbox", name="课程已发布").check()
        page.get_by_role("button", name=re.compile("创建|保存")).click()
        expect(page.locator(".messages")).to_contain_text("whsec_")
        page.goto(f"{site.url}/cms/webhooks/")
        page.locator("a[href*='/cms/webhooks/inspect/']").first.click()
        page.get_by_role("button", name="发送测试消息").click()
        expect(page.locator("td", has_text="test")).to_be_visible()
        for _look in range(30):
            if page.get_by_text("已送达").count():
                break
            page.wait_for_timeout(1000)
            page.reload()
        expect(page.get_by_text("对方回答 204。")).to_be_visible()
        [(event, signature)] = receiver.got
        assert event == "test"
        assert signature.startswith("v1,")
        delete(page, page.url.replace("/inspect/", "/delete/"))

        page.goto(f"{site.url}/cms/tokens/")
        page.get_by_role("link", name="馆藏系统").click()
        page.wait_for_url("**/cms/tokens/edit/*/")
        delete(page, page.url.replace("/edit/", "/delete/"))
        refused = program.get(calls)
        assert (refused.status_code, refused.json()["code"]) == (401, "token-unknown")
