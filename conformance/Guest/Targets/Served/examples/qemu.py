#!/usr/bin/env python3
"""QEMU's virtio-iommu, served to the conformance suite by an adapter that is no part of it:

    conformance --target 'exec:python3 conformance/Guest/Targets/Served/examples/qemu.py qemu-system-x86_64'

What an adapter of a real VMM looks like: it starts the VMM on the memory that it is given, and says each line in the VMM's words, here
those of qtest. (The suite drives QEMU by itself too, faster and with shapes: --target qemu.) README.md one folder up has the protocol.
"""
import atexit
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

QEMU = sys.argv[1] if len(sys.argv) > 1 else "qemu-system-x86_64"
IOMMU = 0x10                                            # requester IDs: 00:02.0, and the edu devices at 00:10.0 and 00:11.0
EDUS = {0x80: 0xE8000000, 0x88: 0xE8100000}             # and where their BARs are, behind those of the device under test
WIDTHS = {"1": "b", "2": "w", "4": "l", "8": "q"}


class Qemu:
    def __init__(self, size, ram):
        folder = tempfile.mkdtemp(prefix="viommu-adapter-")
        paths = [os.path.join(folder, name) for name in ("halt", "qtest")]
        halt, qtest = paths
        with open(halt, "wb") as image:                 # hlt everywhere; at the reset vector cli, hlt, and back to that hlt
            image.write(b"\xf4" * 0xFFF0 + b"\xfa\xf4\xeb\xfd" + b"\xf4" * 12)
        server = socket.socket(socket.AF_UNIX)
        server.bind(qtest)
        server.listen()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", QEMU,    # so that it does not outlive an adapter that is killed
             "-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none", "-M", "q35,pit=off,memory-backend=ram",
             "-object", f"memory-backend-file,id=ram,size={size},share=on,mem-path={ram}", "-m", f"{size >> 20}",
             "-accel", "tcg", "-icount", "shift=0,sleep=off", "-bios", halt, "-qtest", f"unix:{qtest}", "-qtest-log", "/dev/null",
             "-device", "virtio-iommu-pci,addr=02", "-device", "edu,addr=10,dma_mask=0xffffffffffffffff",
             "-device", "edu,addr=11,dma_mask=0xffffffffffffffff"], stdin=subprocess.DEVNULL, stdout=sys.stderr)
        atexit.register(self.process.kill)
        self.socket = server.accept()[0]
        self.lines = self.socket.makefile("r")
        self.say("endianness")                          # answered once the machine is there
        for path in paths:
            os.remove(path)
        os.rmdir(folder)
        self.place_edus()

    def say(self, command):
        try:
            self.socket.sendall(f"{command}\n".encode())
            line = self.lines.readline()
        except OSError:
            line = ""
        if not line:                                    # it has died: so do we, in its way
            status = self.process.wait()
            sys.exit(f"QEMU ended with {status}")
        return line.split()[-1]

    def config(self, function, offset):
        self.say(f"outl 0xcf8 {0x80000000 | function << 8 | offset & 0xFC:#x}")
        return 0xCFC + (offset & 3)

    def place_edus(self):
        for function, bar in EDUS.items():
            self.say(f"outl {self.config(function, 0x10):#x} {bar:#x}")
            self.say(f"outw {self.config(function, 0x04):#x} 0x6")

    def reset(self):
        witness = 0x3C                                  # a register that a reset clears; it comes after the answer
        self.say(f"outb {self.config(0x80, witness):#x} 0xff")
        self.say("outb 0xcf9 0x2")
        self.say("outb 0xcf9 0x6")
        while self.say(f"inb {self.config(0x80, witness):#x}") != "0x0000":
            pass
        self.place_edus()

    def dma(self, endpoint, command, source, destination, count):
        bar = EDUS[endpoint]
        for register, value in ((0x80, source), (0x88, destination), (0x90, count), (0x98, command)):
            self.say(f"writeq {bar + register:#x} {value:#x}")
        while int(self.say(f"readq {bar + 0x98:#x}"), 16) & 1:
            time.sleep(0.0005)                          # virtual time passes while nobody asks


def answer(command, *words):
    global qemu
    if command == "hello":
        version = re.search(r"version (\S+)", subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout)[1]
        return f"OK 1 name=qemu version={version} device=pci:00:02.0 ports=0xc000..0xcfff endpoints=0x80,0x88 buffer=0xfff can=reset"
    if command == "start":                              # the path is the rest of the line
        qemu = Qemu(int(words[0], 16), " ".join(words[1:]))
        return "OK"
    if command in ("read", "write"):
        space, address, width = words[0], int(words[1], 16), WIDTHS[words[2]]
        port = qemu.config(IOMMU, address) if space == "config" else address
        access = command if space == "mmio" else {"read": "in", "write": "out"}[command]
        value = qemu.say(" ".join([f"{access}{width} {port:#x}", *words[3:]]))
        return f"OK {int(value, 16):#x}" if command == "read" else "OK"
    if command == "dma":
        memory, buffer, count = int(words[2], 16), 0x40000 + int(words[3], 16), int(words[4], 16)
        qemu.dma(int(words[0], 16), *((1, memory, buffer) if words[1] == "load" else (3, buffer, memory)), count)
        return "OK"
    if command == "settle":
        for _ in range(4):                              # a turn of QEMU's main loop each
            qemu.say("endianness")
        return "OK"
    if command == "reset":
        qemu.reset()
        return "OK"
    return f"ERR {command} is not offered"


for line in sys.stdin:
    print(answer(*line.split()), flush=True)
