# Who is in Creme CRM: its user's password, and a caller who is stored twice, as a person and as a company.
from creme import persons
from creme.creme_core.models import CremeUser
root = CremeUser.objects.get(username='root')
root.set_password('tests only')
root.save()
number = '49305550001'
persons.get_contact_model().objects.create(user=root, first_name='Kaya', last_name='Lind', phone=number)
persons.get_organisation_model().objects.create(user=root, name='ACME GmbH', phone=number)
persons.get_contact_model().objects.create(user=root, first_name='Otto', last_name='Outside', phone='00493012345')
