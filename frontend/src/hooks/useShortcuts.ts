import { useHotkeys, useLocalStorage, type HotkeyItem } from '@mantine/hooks';

/** Whether single keys act. Whoever dictates to the computer, or presses keys by mistake, switches them off. */
export function useSingleKeys(): { on: boolean; set: (on: boolean) => void } {
  const [on, set] = useLocalStorage({ key: 'srec-single-keys', defaultValue: true, getInitialValueInEffect: false });
  return { on, set };
}

/** A dialog lies over the page: what a key would do there is not seen, and nobody who reads the dialog means it. */
export function isCovered(): boolean {
  return document.querySelector('[aria-modal="true"]') !== null;
}

/** Shortcuts of one key without Ctrl or Cmd, which are no shortcuts where somebody does not want them, nor beneath a dialog. */
export function useShortcuts(keys: HotkeyItem[]): void {
  const { on } = useSingleKeys();
  const uncovered = keys.map(([key, act, options]): HotkeyItem => [key, (event) => (isCovered() ? undefined : act(event)), options]);
  useHotkeys(on ? uncovered : []);
}
