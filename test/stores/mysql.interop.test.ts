import { storeContract } from 'twinkey/testing'
import { largeContract, smallContract } from '../support/contract.ts'
import { describeMysql } from './mysql-suite.ts'

// mysql.test.ts has the small cases with the default settings.
describeMysql(['mysql2'], largeContract)
describeMysql(['mariadb'], storeContract)
describeMysql(['mysql2 with other options', 'mariadb with other options'], smallContract, 'unusual')
