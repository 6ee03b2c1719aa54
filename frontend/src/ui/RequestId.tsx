import { CopyIcon } from './CopyIcon';

/** By which whoever runs the server finds the request; they are sent it, so it is copied. */
export function RequestId({ id }: { id: string }) {
  return (
    <span>
      Request <span className="mono">{id}</span> <CopyIcon value={id} label="Copy the request id" />
    </span>
  );
}
