const KEPT = "hookswitch.chime";

let audio: AudioContext | undefined;

export function chimes(): boolean {
  return localStorage.getItem(KEPT) === "on";
}

/** Turns the sound on or off; turned on, it is heard at once: that is also what lets the browser play later. */
export function setChimes(on: boolean): void {
  if (on) {
    localStorage.setItem(KEPT, "on");
    chime();
  } else localStorage.removeItem(KEPT);
}

/** Two short tones, if they are wanted and the browser lets us. */
export function chime(): void {
  if (!chimes()) return;
  audio ??= new AudioContext();
  void audio.resume();
  for (const [at, hertz] of [[0, 660], [0.18, 880]] as const) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const begins = audio.currentTime + at;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.12, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(begins);
    tone.stop(begins + 0.17);
  }
}
