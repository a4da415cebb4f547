/** One figure of Prometheus's text, with its labels as people read them. */
export interface Figure {
  labels: string;
  value: number;
}

export type Figures = Map<string, Figure[]>;

/** Reads what `/metrics` answers: the text format of Prometheus, version 0.0.4. Lines that are none are left out. */
export function read(text: string): Figures {
  const figures: Figures = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name = "", labels = "", value = ""] = found;
    const shown = [...labels.matchAll(/[a-zA-Z_][a-zA-Z0-9_]*="((?:[^"\\]|\\.)*)"/g)].map(([, label]) => label).join(" ");
    const parts = figures.get(name) ?? [];
    parts.push({ labels: shown, value: Number(value) });
    figures.set(name, parts);
  }
  return figures;
}
