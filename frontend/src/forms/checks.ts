/** Checks that spare a round trip; the server checks again and its messages win. */

export const SHORTEST_PASSWORD = 8;

export function isEmail(value: string): string | null {
  return /^\S+@\S+\.\S+$/.test(value.trim()) ? null : 'Enter an e-mail address';
}

export function isPassword(value: string): string | null {
  return value.length >= SHORTEST_PASSWORD ? null : `At least ${SHORTEST_PASSWORD} characters`;
}

export function isFilled(message: string): (value: string) => string | null {
  return (value) => (value.trim() ? null : message);
}
