/**
 * Who is signed in. The token lives in this tab only: it comes in the address behind `#`, which no server sees, and is
 * taken out of the address at once.
 */
const KEPT = "hookswitch.token";

/** The token of the address, else the one this tab was given before. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEPT, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEPT);
}
