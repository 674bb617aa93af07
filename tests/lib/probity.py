"""Starts the real binary for the tests outside the Rust workspace, and stops just what it started."""

import json
import os
import pathlib
import signal
import subprocess
import threading


class Probity:
    """One running server in a data directory of its own."""

    def __init__(self, binary, directory, demo=True, settings=None):
        """`settings` are keys of the configuration, as they stand in the environment."""
        self.binary = str(pathlib.Path(binary).resolve())
        self.directory = pathlib.Path(directory).resolve()
        self.demo = demo
        self.settings = settings or {}
        self.process = None
        self.lines = []
        self.base_url = None

    @property
    def demo_json(self):
        return self.directory / "demo.json"

    def facts(self):
        return json.loads(self.demo_json.read_text())

    def command(self, *arguments):
        return [
            self.binary,
            *arguments,
            "--data",
            str(self.directory / "data"),
            "--root-key",
            str(self.directory / "root.key"),
        ]

    def start(self, seconds=30):
        extra = ["--demo", "--demo-json", str(self.demo_json)] if self.demo else []
        log = open(self.directory / "server.log", "ab")
        self.process = subprocess.Popen(
            [*self.command("serve", "--listen", "127.0.0.1:0"), *extra],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **self.settings},
        )
        watchdog = threading.Timer(seconds, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line.rstrip("\n"))
                if line.startswith("ready "):
                    self.base_url = line.split()[1]
                    threading.Thread(target=self._drain, daemon=True).start()
                    return self
        finally:
            watchdog.cancel()
        tail = (self.directory / "server.log").read_text(errors="replace")[-3000:]
        raise RuntimeError("the server did not become ready:\n" + "\n".join(self.lines) + "\n" + tail)

    def _drain(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def kill(self):
        """SIGKILL: no chance to clean up."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        """SIGTERM: it drains and exits 0."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def run(self, *arguments, **options):
        environment = {**os.environ, **self.settings}
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, env=environment, **options)
