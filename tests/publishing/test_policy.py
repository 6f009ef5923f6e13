import base64
import hashlib

import pytest

from openmeasures.publishing import policy

HEAD = "<meta content=\"default-src 'self'; script-src 'self'; base-uri 'none'\">"


def hashed(content):
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@pytest.mark.parametrize(
    ("body", "scripts", "handlers"),
    [
        ("<p>No script.</p>", [], []),
        ('<script src="a.js"></script>', [], []),
        ('<script id="options" type="application/json">{"a": 1}</script>', [], []),
        ("<script>go()</script>", ["go()"], []),
        ('<SCRIPT type="application/javascript">\ngo("é")\n</SCRIPT>', ['\ngo("é")\n'], []),
        ("<script>go()</script><script>go()</script><script>on</script>", ["go()", "on"], []),
        ('<a onclick="go(&quot;a&quot;); return false;">', [], ['go("a"); return false;']),
        ("<script>x = '<a onclick=\"go()\">'</script>", ["x = '<a onclick=\"go()\">'"], []),
        ('<p>Set onclick=&quot;go()&quot;, and on="no".</p>', [], []),
    ],
)
def test_each_script_of_a_page_is_allowed_by_its_hash(body, scripts, handlers):
    page = f"{HEAD}{body}"
    sources = ["'self'", *map(hashed, scripts), *(["'unsafe-hashes'"] if handlers else []), *map(hashed, handlers)]
    assert policy.completed(page) == page.replace("script-src 'self'", f"script-src {' '.join(sources)}")


def test_a_page_may_be_completed_twice():
    page = policy.completed(f"{HEAD}<script>go()</script>")
    assert policy.completed(page) == page


def test_a_page_without_a_policy_stays_as_it_is():
    assert policy.completed("<script>go()</script>") == "<script>go()</script>"


def test_every_page_of_a_rendered_site_is_completed_and_others_are_not_touched(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    with_script, without = tmp_path / "deep" / "a.html", tmp_path / "b.html"
    with_script.write_text(f"{HEAD}<script>go()</script>", encoding="utf-8")
    without.write_text(HEAD, encoding="utf-8")
    without.chmod(0o444)
    monkeypatch.setenv(policy.OUTPUT, str(tmp_path))
    monkeypatch.delenv(policy.BY_SMALLDOCS, raising=False)
    policy.main()
    assert hashed("go()") in with_script.read_text(encoding="utf-8")
    assert without.read_text(encoding="utf-8") == HEAD


def test_pages_of_smalldocs_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "a.html").write_text(f"{HEAD}<script>go()</script>", encoding="utf-8")
    monkeypatch.setenv(policy.OUTPUT, str(tmp_path))
    monkeypatch.setenv(policy.BY_SMALLDOCS, "1")
    policy.main()
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == f"{HEAD}<script>go()</script>"
