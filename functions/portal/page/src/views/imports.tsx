import type {Route} from '../route'
export const Imports = ({at}: {at: Route}) => <h1>{at.view}</h1>
