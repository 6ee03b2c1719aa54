import { Button, Modal } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { projectsQuery } from '../api/tenant';
import type { Project } from '../api/types';
import { ProjectForm } from '../forms/ProjectForm';
import { useMe, useProject } from '../hooks/useProject';
import { DataTable, type Column } from '../ui/DataTable';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';

type Editing = 'new' | Project | null;

export function ProjectsPage() {
  const current = useProject();
  const query = useQuery(projectsQuery(current));
  const mayWrite = may(useMe(), 'project.manage');
  const [editing, setEditing] = useState<Editing>(null);
  const columns = useMemo(() => projectColumns(current, mayWrite ? setEditing : undefined), [current, mayWrite]);
  const close = () => setEditing(null);
  return (
    <Panel
      title="Projects"
      count={query.data?.length}
      flush
      actions={
        mayWrite && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')}>
            Create project
          </Button>
        )
      }
    >
      <QueryView query={query} skeleton={<RowSkeleton rows={3} height={41} />}>
        {(rows) => <DataTable label="Projects" columns={columns} rows={rows} rowId={(row) => row.id} />}
      </QueryView>
      <Modal opened={editing !== null} onClose={close} title={editing === 'new' ? 'Create a project' : 'Rename project'}>
        {editing && <ProjectForm project={editing === 'new' ? undefined : editing} onDone={close} />}
      </Modal>
    </Panel>
  );
}

function projectColumns(current: string, onRename: ((project: Project) => void) | undefined): readonly Column<Project>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      cell: (row) => (
        <>
          <Link to="/p/$project" params={{ project: row.id }} style={{ fontWeight: 500, color: 'inherit' }}>
            {row.name}
          </Link>{' '}
          {row.id === current && <span className="dim">(current)</span>}
        </>
      ),
    },
    { id: 'slug', header: 'Slug', width: 160, from: 'medium', cell: (row) => <span className="mono dim">{row.slug}</span> },
    { id: 'created', header: 'Created', width: 120, from: 'medium', cell: (row) => <RelativeTime at={row.created_at} className="dim" /> },
    {
      id: 'act',
      header: '',
      width: 96,
      align: 'right',
      cell: (row) =>
        onRename && (
          <Button variant="default" size="compact-xs" aria-label={`Rename ${row.name}`} onClick={() => onRename(row)}>
            Rename
          </Button>
        ),
    },
  ];
}
