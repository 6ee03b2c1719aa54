import { Kbd, Switch } from '@mantine/core';
import { useSingleKeys } from '../hooks/useShortcuts';
import { Dialog } from '../ui/Dialog';
import { modKey } from '../util/keyboard';
import classes from './ShortcutsHelp.module.css';

const SHORTCUTS: readonly { name: string; keys: readonly (readonly [combination: string, meaning: string])[] }[] = [
  {
    name: 'Everywhere',
    keys: [
      ['Ctrl K', 'Search, jump, act'],
      ['[', 'Collapse or open the navigation'],
      ['g o', 'Overview'],
      ['g i', 'Incidents'],
      ['g a', 'Alerts'],
      ['g m', 'Metrics'],
      ['g l', 'Logs'],
      ['g t', 'Traces'],
      ['g v', 'Services'],
      ['g s', 'Settings'],
      ['c', 'Declare an incident'],
      ['?', 'These shortcuts'],
    ],
  },
  {
    name: 'In lists',
    keys: [
      ['j', 'Next row'],
      ['k', 'Previous row'],
      ['Enter', 'Open the row'],
      ['x', 'Select the row'],
      ['a', 'Acknowledge the row'],
      ['/', 'Search the list'],
    ],
  },
  {
    name: 'While exploring',
    keys: [
      ['Ctrl Enter', 'Run the query'],
      ['j', 'Next line or span'],
      ['k', 'Previous line or span'],
      ['Enter', 'Open it'],
      ['/', 'Search'],
    ],
  },
  {
    name: 'On an incident',
    keys: [
      ['a', 'Acknowledge'],
      ['n', 'Take the next step'],
      ['m', 'Write a comment'],
    ],
  },
];

export function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  const { on, set } = useSingleKeys();
  return (
    <Dialog opened onClose={onClose} title="Keyboard shortcuts" size="lg">
      <div className={classes.groups}>
        {SHORTCUTS.map((group) => (
          <section key={group.name}>
            <h3 className={classes.name}>{group.name}</h3>
            <dl className={classes.keys}>
              {group.keys.map(([combination, meaning]) => (
                <div key={combination} className={classes.row}>
                  <dt>{meaning}</dt>
                  <dd>
                    {combination.split(' ').map((key) => (
                      <Kbd key={key} size="xs" ml={4}>
                        {key === 'Ctrl' ? modKey() : key}
                      </Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Switch
        mt="md"
        label="Single keys act"
        description={`Switch them off where you dictate to the computer, or press keys by mistake. Those with ${modKey()} stay.`}
        checked={on}
        onChange={(event) => set(event.currentTarget.checked)}
      />
    </Dialog>
  );
}
