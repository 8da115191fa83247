"""JupyterLab on loopback, shut off from the user's settings and from the world."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import tbpu_toolkit as tbpu

LOOPBACK = ("127.0.0.1", "localhost")
NOWHERE = "http://127.0.0.1:1"  # a proxy that is not there: what is not loopback ends here
SETTINGS = {
    # Windowing leaves cells out of the document that are out of sight.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # The theme follows the browser's colour scheme, so that one server shows both.
    "apputils-extension/themes": {"adaptive-theme": True},
}
# It asks each kernel for its state, and makes an error of a kernel that ends meanwhile.
LEFT_OUT = {"disabledExtensions": {"@jupyterlab/debugger-extension": True}}


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def environment(home, token):
    """Nothing of the user's Jupyter, no way out of the machine, and the package on the path."""
    own = ("JUPYTER", "IPYTHON", "TBPU_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    package = str(Path(tbpu.__file__).parents[1])
    proxies = dict.fromkeys(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], NOWHERE)
    places = ["CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"]
    return (
        kept
        | proxies
        | {f"JUPYTER_{place}": str(home / place.lower()) for place in places}
        | {
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "JUPYTER_TOKEN": token,
            "NO_PROXY": ",".join(LOOPBACK),
            "no_proxy": ",".join(LOOPBACK),
            "PYTHONPATH": os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")])),
        }
    )


def write_json(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


class LabServer:
    """JupyterLab on loopback, with settings of its own; *root* is the folder that it serves."""

    def __init__(self, root, home):
        self.root, self.log = root, home / "lab.log"
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{self.port}"
        settings = home / "settings" / "@jupyterlab"
        for name, values in SETTINGS.items():
            write_json(settings / f"{name}.jupyterlab-settings", values)
        write_json(home / "config_dir" / "labconfig" / "page_config.json", LEFT_OUT)
        words = ["--no-browser", "--allow-root", "--expose-app-in-browser", "--ip=127.0.0.1"]
        words += [f"--port={self.port}", "--ServerApp.port_retries=0"]
        words += [f"--ServerApp.root_dir={root}", "--ServerApp.terminals_enabled=False"]
        words += ["--LabApp.news_url=", "--LabApp.extension_manager=readonly"]
        words += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        # It goes by itself where the tests were killed and could not end it.
        words += ["--ServerApp.shutdown_no_activity_timeout=300"]
        words += ["--MappingKernelManager.cull_idle_timeout=300"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *words],
                env=environment(home, self.token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def call(self, path, method="GET"):
        """Call the server's own interface, and give the status and what it says."""
        head = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/{path}", headers=head, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self, seconds=60):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                return self.call("api/status")
            text = self.log.read_text(encoding="utf-8", errors="replace")
            assert self.process.poll() is None, f"JupyterLab has ended:\n{text}"
            assert time.monotonic() < end, f"JupyterLab does not answer:\n{text}"
            time.sleep(0.05)

    def end_kernels(self):
        for kernel in self.call("api/kernels"):
            self.call(f"api/kernels/{kernel['id']}", "DELETE")

    def stop(self):
        # Its kernels have process groups of their own; without them there is nothing to tidy up,
        # and it would take seconds over that.
        with contextlib.suppress(OSError):
            self.end_kernels()
        self.process.kill()
        self.process.wait(15)
