import { IconFilterOff } from '@tabler/icons-react';
import { Callout } from '../ui/Callout';
import { unreadText, type Unread } from '../util/address';
import classes from './RangeNotice.module.css';

/** Parts of the URL that cannot be used are told above the page, which shows what the rest asks for. */
export function AddressNotice({ unread }: { unread: readonly Unread[] }) {
  if (unread.length === 0) return null;
  return (
    <div className={classes.notice}>
      <Callout tone="warn" role="status" icon={<IconFilterOff size={16} />} title="A part of this address cannot be used">
        {unread.map((part) => (
          <p key={part.is}>{unreadText(part)}</p>
        ))}
      </Callout>
    </div>
  );
}
