"""``make run`` prepares what changed, refuses a taken port with a sentence, and ends what it started."""

import socket
import subprocess
import sys

import pytest

from deploy import prepare, run


def test_a_step_runs_again_only_when_its_sources_changed(tmp_path):
    source, stamp, runs = tmp_path / "a.txt", tmp_path / "stamps" / "a", []
    source.write_text("1")
    for _ in range(2):
        prepare.step("a", stamp, prepare.digest([source]), lambda: runs.append(1))
    source.write_text("2")
    prepare.step("a", stamp, prepare.digest([source]), lambda: runs.append(2))
    assert runs == [1, 2]


def test_a_failed_step_is_tried_again(tmp_path):
    stamp = tmp_path / "a"

    def fail() -> None:
        raise prepare.CannotPrepare("no network")

    with pytest.raises(prepare.CannotPrepare):
        prepare.step("a", stamp, "1", fail)
    assert not stamp.exists()


def test_a_digest_covers_names_contents_and_words(tmp_path):
    (tmp_path / "a").write_text("x")
    first = prepare.digest([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert prepare.digest([tmp_path]) != first
    assert prepare.digest([tmp_path], "postgres://") != prepare.digest([tmp_path])


def test_a_failing_command_shows_its_words_and_the_remedy():
    with pytest.raises(prepare.CannotPrepare, match=r"(?s)out of paper.*Buy paper"):
        prepare.call([sys.executable, "-c", "import sys; sys.exit('out of paper')"], "Buy paper.")


def test_a_taken_port_is_refused_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(run.CannotRun, match=rf"Port {port} is in use.*make run PORT={port + 1}"):
            run.check_port("127.0.0.1", port)


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_wrong_port_is_refused(port):
    command, env = [sys.executable, "deploy/run.py"], {"PORT": port, "PATH": ""}
    done = subprocess.run(command, cwd=prepare.ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"PORT={port} is no port" in done.stderr
    assert "Traceback" not in done.stderr


def test_stopping_ends_processes_that_do_not_listen(monkeypatch):
    monkeypatch.setattr(run, "GRACE", 0.5)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"deaf\n"
    run.stop({"deaf": process})
    assert process.returncode == -9


def test_the_site_ends_when_one_of_its_processes_ends():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    assert run.supervise({"web server": process}) == 1


def test_a_process_that_dies_at_the_start_is_named():
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    process.wait()
    with pytest.raises(run.CannotRun, match="worker ended with 3"):
        run.wait_until_up("http://127.0.0.1:9", {"worker": process}, patience=5)
