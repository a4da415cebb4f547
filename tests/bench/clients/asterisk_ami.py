"""Counts events with the Python library asterisk-ami; prints CPU seconds and events. Arguments: port."""
import resource
import sys
import threading

from asterisk.ami import AMIClient

count, begun, done = 0, None, threading.Event()


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def on(event, **_):
    global count, begun
    if event.name == "ReplayDone":
        print(f"{cpu() - begun} {count}", flush=True)
        done.set()
    elif event.name != "FullyBooted":
        begun = cpu() if begun is None else begun
        count += 1


client = AMIClient(address="127.0.0.1", port=int(sys.argv[1]))
client.add_event_listener(on)
client.login(username="u", secret="s")
sys.exit(0 if done.wait(300) else 1)
