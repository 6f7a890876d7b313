"""C8: from the country down to a town and up again, with the craft, the courses, the people and the map of a place."""

CHONGQING, QIANJIANG = "500000"[:2], "500114"


def test_places_lead_down_to_the_town_and_up_again(screen, site):
    screen.goto(f"{site.url}/places/")
    screen.locator("main a", has_text="重庆市").first.click()
    screen.wait_for_url(f"**/places/{CHONGQING}/")
    screen.locator("main .names a", has_text="黔江区").click()
    screen.wait_for_url(f"**/places/{QIANJIANG}/")
    said = screen.locator("main").inner_text()
    assert "一地一品" in said
    assert "苗绣" in said
    assert "冉秀华" in said
    assert screen.locator(".card a[href^='/courses/']").count() == 1, "a course stands there once"
    town = screen.locator("main .names a").first
    name = town.inner_text()
    town.click()
    screen.wait_for_url(lambda url: url.rstrip("/").rpartition("/")[2].startswith(QIANJIANG + "0"))
    assert screen.locator("h1").inner_text() in name
    crumbs = screen.locator(".crumbs a")
    assert crumbs.all_inner_texts() == ["地方", "重庆市", "黔江区"]
    crumbs.nth(2).click()
    screen.wait_for_url(f"**/places/{QIANJIANG}/")
    screen.locator(".crumbs a", has_text="重庆市").click()
    screen.wait_for_url(f"**/places/{CHONGQING}/")
    screen.locator(".crumbs a", has_text="地方").click()
    screen.wait_for_url("**/places/")


def test_places_are_walked_on_the_map(screen, site):
    screen.goto(f"{site.url}/places/")
    screen.locator("svg a[href='/places/33/']").first.focus()
    screen.keyboard.press("Enter")
    screen.wait_for_url("**/places/33/")
    points = screen.locator("svg a[href^='/places/33']")
    assert points.count() > 5
    screen.locator("svg a[href='/places/3311/']").first.focus()
    screen.keyboard.press("Enter")
    screen.wait_for_url("**/places/3311/")
    assert screen.locator("h1").inner_text() == "丽水市"
