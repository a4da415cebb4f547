import { LitElement, css, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { base } from "../../shared/styles.js";

const EVERY_MS = 100;
/** Speech at a usual distance fills about two thirds. */
const GAIN = 4;

/** How loud a stream is, as a bar. */
@customElement("hs-level")
export class Level extends LitElement {
  static override styles = [base, css`meter { width: 100%; height: 0.9rem; display: block; }`];

  @property({ attribute: false }) accessor stream: MediaStream | undefined;
  @property() accessor label = "";
  @query("meter") private accessor meter!: HTMLMeterElement | null;
  private audio: AudioContext | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private measured: MediaStream | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.rest();
  }

  protected override updated(): void {
    if (this.measured === this.stream) return;
    this.rest();
    const { stream } = this;
    this.measured = stream;
    if (!stream || stream.getAudioTracks().length === 0) return;
    const audio = new AudioContext();
    this.audio = audio;
    const analyser = audio.createAnalyser();
    analyser.fftSize = 1024;
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (this.meter) this.meter.value = Math.min(1, Math.sqrt(power) * GAIN);
    }, EVERY_MS);
  }

  private rest(): void {
    clearInterval(this.timer);
    void this.audio?.close();
    this.audio = undefined;
    this.measured = undefined;
  }

  protected override render(): unknown {
    return html`<meter min="0" max="1" value="0" aria-label=${this.label}></meter>`;
  }
}
