import { css } from "lit";

/** What every component's shadow root begins with: controls, text and states, made from the tokens of `page.css`. */
export const base = css`
  *, ::before, ::after { box-sizing: border-box; }
  :host { display: block; }
  :host([hidden]), [hidden] { display: none !important; }
  h1, h2, h3, p, dl, dd, ol, ul, fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
  h2 { font-size: 0.82rem; font-weight: 600; color: var(--muted); letter-spacing: 0.01em; }
  h3 { font-size: 1rem; font-weight: 600; }
  ul, ol { list-style: none; }
  a { color: var(--accent); overflow-wrap: anywhere; }
  .muted { color: var(--muted); }
  .figure { font-variant-numeric: tabular-nums; }
  .mono { font-family: var(--mono); font-size: 0.92em; }
  .row { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 0.6rem; }
  .push { margin-inline-start: auto; }
  .stack { display: grid; gap: var(--gap); }
  .clip { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
  .card {
    background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
    box-shadow: var(--shadow); padding: 0.9rem 1rem;
  }
  .hidden-text {
    position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; border: 0;
    overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }

  button, .button {
    font: inherit; font-weight: 500; color: var(--ink); background: var(--card); text-decoration: none;
    border: 1px solid var(--edge); border-radius: 7px; min-height: 2.15rem; padding: 0.25rem 0.75rem;
    display: inline-flex; align-items: center; justify-content: center; gap: 0.45rem; cursor: pointer; white-space: nowrap;
    transition: background var(--fast), border-color var(--fast);
  }
  button:hover:not(:disabled, [aria-pressed="true"], [aria-selected="true"]), .button:hover { background: var(--sunk); }
  button:disabled { color: var(--muted); border-color: var(--line); cursor: default; }
  button[aria-pressed="true"], button[aria-selected="true"] {
    background: var(--ink); border-color: var(--ink); color: var(--card);
  }
  button.main, .button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  button.main:hover:not(:disabled) { background: color-mix(in oklab, var(--accent) 86%, var(--ink)); }
  button.good { background: var(--good); border-color: var(--good); color: var(--on-tone); }
  button.good:hover:not(:disabled) { background: color-mix(in oklab, var(--good) 86%, var(--ink)); }
  button.main:disabled, button.good:disabled { background: var(--sunk); border-color: var(--line); }
  button.danger { color: var(--bad); border-color: currentColor; }
  button.danger:hover:not(:disabled) { background: color-mix(in oklab, var(--bad) 10%, var(--card)); }
  button.quiet { border-color: transparent; background: none; }
  button.quiet:hover:not(:disabled) { background: var(--sunk); }
  button.icon { padding: 0; width: 2.15rem; }
  kbd {
    font: 600 0.72rem/1 var(--mono); color: inherit; opacity: 0.8; border: 1px solid currentColor; border-radius: 4px;
    padding: 0.15em 0.35em; text-transform: uppercase;
  }
  @media (hover: none) { button kbd { display: none; } }

  label { display: grid; gap: 0.2rem; font-size: 0.86rem; font-weight: 500; color: var(--muted); }
  label.inline { display: flex; align-items: center; gap: 0.5rem; font-weight: 450; color: inherit; font-size: inherit; }
  input, select, textarea {
    font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: 7px;
    padding: 0.3rem 0.55rem; min-height: 2.15rem; width: 100%; min-width: 0;
  }
  input[type="checkbox"], input[type="radio"] { width: 1.15rem; min-height: 1.15rem; accent-color: var(--accent); margin: 0; flex: none; }
  textarea { resize: vertical; min-height: 4.6rem; }
  select.small { width: auto; padding-inline: 0.35rem; }
  ::placeholder { color: var(--muted); opacity: 1; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  :focus:not(:focus-visible) { outline: none; }

  [data-tone="good"] { --tone: var(--good); }
  [data-tone="busy"] { --tone: var(--busy); }
  [data-tone="bad"] { --tone: var(--bad); }
  [data-tone="ring"] { --tone: var(--ring); }
  [data-tone="off"] { --tone: var(--off); }
  .pill {
    display: inline-flex; align-items: center; gap: 0.4rem; font-size: 0.82rem; font-weight: 600; white-space: nowrap;
    color: var(--tone, var(--muted)); background: color-mix(in oklab, var(--tone, var(--muted)) 11%, var(--card));
    border-radius: 999px; padding: 0.1rem 0.65rem;
  }
  .dot::before {
    content: ""; width: 0.55em; height: 0.55em; border-radius: 50%; background: var(--tone, var(--muted)); flex: none;
  }
  .dot { display: inline-flex; align-items: center; gap: 0.45rem; }
  .toned { color: var(--tone); }

  details > summary { cursor: pointer; color: var(--muted); font-weight: 500; font-size: 0.88rem; width: fit-content; border-radius: 4px; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: start; padding: 0.32rem 0.6rem; border-bottom: 1px solid var(--line); }
  th { font-size: 0.8rem; font-weight: 600; color: var(--muted); white-space: nowrap; }
  tr:last-child > td { border-bottom: 0; }
  .number { text-align: end; }
  td.number, th.number { text-align: end; }
  @media (forced-colors: active) { .dot::before { background: CanvasText; } button[aria-pressed="true"] { forced-color-adjust: none; } }
`;
