-- What reports look for: documents by their day, and the few invoices of many that are open.
create index invoices_issue_date on invoices (tenant_id, issue_date);
create index invoices_open on invoices (tenant_id, due_date) where residual_minor > 0;
