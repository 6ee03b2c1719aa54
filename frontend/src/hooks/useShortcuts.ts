import { useHotkeys, useLocalStorage, type HotkeyItem } from '@mantine/hooks';

/** Whether single keys act. Whoever dictates to the computer, or presses keys by mistake, switches them off. */
export function useSingleKeys(): { on: boolean; set: (on: boolean) => void } {
  const [on, set] = useLocalStorage({ key: 'srec-single-keys', defaultValue: true, getInitialValueInEffect: false });
  return { on, set };
}

/** Shortcuts of one key without Ctrl or Cmd, which are no shortcuts where somebody does not want them. */
export function useShortcuts(keys: HotkeyItem[]): void {
  const { on } = useSingleKeys();
  useHotkeys(on ? keys : []);
}
