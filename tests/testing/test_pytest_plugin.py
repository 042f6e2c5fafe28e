"""`pytest` collects `.rwd` files: each test is an item."""

import subprocess
import sys

SPEC = """
input answer: text
term right = completion.text == answer
reward { right: 1 }
test "holds" {
  sample a { completion.text = "x"  answer = "x" }
  expect a.right == 1
}
test "does not hold" {
  sample a { completion.text = "x"  answer = "y" }
  expect a.right == 1
}
"""


def pytest_in(folder, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


def test_each_test_is_an_item(tmp_path):
    (tmp_path / "reward.rwd").write_text(SPEC)
    found = pytest_in(tmp_path)
    assert "reward.rwd::holds PASSED" in found.stdout
    assert "reward.rwd::does not hold FAILED" in found.stdout
    assert "11 |   expect a.right == 1\n   |          │\n   |          0\n" in found.stdout
    assert "reward.rwd:11:10" in found.stdout
    assert "1 failed, 1 passed" in found.stdout and found.returncode == 1


def test_items_can_be_selected(tmp_path):
    (tmp_path / "reward.rwd").write_text(SPEC)
    assert pytest_in(tmp_path, "-k", "holds").returncode == 0


def test_a_spec_that_does_not_check_fails_to_collect(tmp_path):
    (tmp_path / "bad.rwd").write_text("term a = x")
    found = pytest_in(tmp_path)
    assert "error[RK0201]" in found.stdout and "Traceback" not in found.stdout
    assert found.returncode == 2
