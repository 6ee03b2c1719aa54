import { Kbd, Modal } from '@mantine/core';
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

export function ShortcutsHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" size="lg">
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
                        {key}
                      </Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
