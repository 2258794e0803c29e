import { MongoClient } from 'mongodb'
import { databases } from './databases.ts'
import { peerRow } from './peers.ts'
import { customerRow, people } from './people.ts'

/** The whole crowd into both databases, each in the form its reader keeps it. */
export async function seed(uri: string): Promise<void> {
  const client = await MongoClient.connect(uri)
  try {
    const fill = async (database: string, rows: object[]) => {
      await client.db(database).dropDatabase()
      await client.db(database).collection('customers').insertMany(rows)
    }
    await fill(databases.ours, people.map(customerRow))
    await fill(databases.peer, people.map(peerRow))
  } finally {
    await client.close()
  }
}
