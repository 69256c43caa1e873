import type {Route} from '../route'
export const Fleet = ({at}: {at: Route}) => <h1>{at.view}</h1>
