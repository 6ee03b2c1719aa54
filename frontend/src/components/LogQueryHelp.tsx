import { ActionIcon, Popover } from '@mantine/core';
import { IconHelp } from '@tabler/icons-react';
import classes from './LogQueryHelp.module.css';

/** As in docs/logs.md, the commonest. */
const WAYS: [query: string, finds: string][] = [
  ['timeout', 'this word, in the message, a field or an id'],
  ['time*', 'this piece of text, whatever follows'],
  ['"card declined"', 'this piece of text, in any case'],
  ['level:error,fatal', 'one of these'],
  ['http.status:>=500', 'a number, at least this'],
  ['path:/api/*', 'a field that begins so'],
  ['user.id:*', 'any value of the field'],
  ['-retry  NOT retry', 'what does not have it'],
  ['(timeout OR refused) service:cart', 'either, of this service'],
];

/** What can be written into the search box. */
export function LogQueryHelp() {
  return (
    <Popover width="min(420px, 94vw)" position="bottom-end" withArrow shadow="md">
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size={30} aria-label="How to search">
          <IconHelp size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <dl className={classes.ways}>
          {WAYS.map(([query, finds]) => (
            <div key={query} className={classes.way}>
              <dt className={classes.query}>{query}</dt>
              <dd className={classes.finds}>{finds}</dd>
            </div>
          ))}
        </dl>
        <p className={classes.note}>
          All conditions must hold. <code>OR</code> parts more than <code>AND</code> or a space does; operators are in capitals, values
          with spaces or parentheses in quotes.
        </p>
      </Popover.Dropdown>
    </Popover>
  );
}
