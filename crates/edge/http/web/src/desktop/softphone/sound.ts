// Microphone, loudspeaker and bell of the browser's telephone.

import type { Microphone as Usable } from "./states.js";

/** Devices the agent has chosen; kept in this browser. Empty: the system's own. */
export type Place = "microphone" | "voice" | "bell";

const KEPT: Record<Place, string> = { microphone: "hookswitch.microphone", voice: "hookswitch.loudspeaker", bell: "hookswitch.bell" };

export const chosen = (place: Place): string => localStorage.getItem(KEPT[place]) ?? "";

export function choose(place: Place, device: string): void {
  if (device) localStorage.setItem(KEPT[place], device);
  else localStorage.removeItem(KEPT[place]);
}

/** Whether browsers of this make let a page choose where it is heard. */
export const choosesOutput = (): boolean => "setSinkId" in HTMLMediaElement.prototype;

export async function devices(kind: "audioinput" | "audiooutput"): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  // "default" is the system's own, which stands on top of our list anyway.
  return all.filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default");
}

/** Opens the microphone of the agent's choice, or the system's own when that one is not there. */
export async function openMicrophone(): Promise<MediaStream> {
  const device = chosen("microphone");
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(device && { deviceId: { ideal: device } }) };
  return navigator.mediaDevices.getUserMedia({ audio, video: false });
}

export function shut(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Whether there is a microphone this page may use. Asks the agent where the browser has not asked yet. */
export async function usable(): Promise<Usable> {
  if (!isSecureContext || !navigator.mediaDevices) return "insecure";
  if ((await permission())?.state === "granted") return (await hasMicrophone()) ? "ready" : "missing";
  try {
    shut(await openMicrophone());
    return "ready";
  } catch (error) {
    return error instanceof DOMException && ["NotAllowedError", "SecurityError"].includes(error.name) ? "refused" : "missing";
  }
}

/** What the browser's owner said of the microphone; undefined where the browser does not tell. */
export async function permission(): Promise<PermissionStatus | undefined> {
  try {
    return await navigator.permissions.query({ name: "microphone" as PermissionName });
  } catch {
    return undefined;
  }
}

async function hasMicrophone(): Promise<boolean> {
  return (await navigator.mediaDevices.enumerateDevices()).some((device) => device.kind === "audioinput");
}

/** The other side's voice. */
export class Voice {
  private readonly player = new Audio();

  /** Plays; answers false when the browser wants a press of the agent first. */
  async play(stream: MediaStream): Promise<boolean> {
    if (this.player.srcObject !== stream) this.player.srcObject = stream;
    await this.move();
    try {
      await this.player.play();
      return true;
    } catch (error) {
      // What was stopped meanwhile was not refused.
      return !(error instanceof DOMException && error.name === "NotAllowedError");
    }
  }

  /** To the loudspeaker of choice, or the system's own when that one is gone. */
  async move(): Promise<void> {
    if (!choosesOutput()) return;
    await this.player.setSinkId(chosen("voice")).catch(() => this.player.setSinkId("").catch(() => {}));
  }

  stop(): void {
    this.player.pause();
    this.player.srcObject = null;
  }
}

const BELL_HZ = [440, 480] as const;
const BELL_S = 1;
const BELL_EVERY_MS = 3_000;

/** Rings until it is told to stop. Made of two tones here: nothing is loaded for it. */
export class Bell {
  private audio: AudioContext | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  ring(): void {
    if (this.timer !== undefined) return;
    void this.strike();
    this.timer = setInterval(() => void this.strike(), BELL_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    void this.audio?.close();
    this.audio = undefined;
  }

  /** Once, to hear where it rings. */
  async strike(): Promise<void> {
    this.audio ??= new AudioContext();
    const { audio } = this;
    const sink = chosen("bell");
    const movable = audio as AudioContext & { setSinkId?(id: string): Promise<void> };
    if (sink) await movable.setSinkId?.(sink).catch(() => {});
    if (audio.state === "closed") return;
    void audio.resume();
    const volume = audio.createGain();
    volume.gain.setValueAtTime(0.08, audio.currentTime);
    volume.gain.setValueAtTime(0, audio.currentTime + BELL_S);
    volume.connect(audio.destination);
    for (const hertz of BELL_HZ) {
      const tone = audio.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(volume);
      tone.start();
      tone.stop(audio.currentTime + BELL_S);
    }
  }
}
