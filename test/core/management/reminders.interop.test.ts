import { describeReminders } from './reminders-suite.ts'

// reminders.test.ts has the other stores.
describeReminders(['PostgreSQL'])
