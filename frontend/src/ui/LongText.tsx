import { Button } from '@mantine/core';
import { useState } from 'react';
import { exactCount } from '../util/numbers';
import { beginning } from '../util/prose';
import { WrittenText } from './WrittenText';

/** What somebody or something wrote; of a long text the beginning, until all of it is wanted. */
export function LongText({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const begin = beginning(text);
  if (begin === null) return <WrittenText text={text} />;
  return (
    <>
      <WrittenText text={whole ? text : `${begin}…`} />
      <Button
        size="compact-xs"
        variant="subtle"
        display="block"
        mt={4}
        aria-expanded={whole}
        onClick={() => setWhole((shown) => !shown)}
      >
        {whole ? 'Show less' : `All ${exactCount(text.length)} characters`}
      </Button>
    </>
  );
}
