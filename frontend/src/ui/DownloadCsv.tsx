import { ActionIcon, Tooltip } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { csv, download } from '../util/files';

interface DownloadCsvProps {
  /** What the button says: which table it is. */
  label: string;
  /** What the file's name begins with. */
  name: string;
  /** A header and the rows, made when they are wanted. */
  rows: () => readonly (readonly (string | number | null)[])[];
}

/** A table as a file, as it is loaded. */
export function DownloadCsv({ label, name, rows }: DownloadCsvProps) {
  const save = () => {
    const stamp = new Date().toISOString().slice(0, 16).replaceAll(':', '');
    download(`${name}-${stamp}.csv`, new Blob([csv(rows())], { type: 'text/csv' }));
  };
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={save}>
        <IconDownload size={16} />
      </ActionIcon>
    </Tooltip>
  );
}
